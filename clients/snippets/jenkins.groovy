pipeline {
  agent any
  options { timeout(time: 20, unit: 'MINUTES') }
  stages {
    stage('Does the change name its postmortem?') {
      when { changeRequest() }
      steps {
        withCredentials([string(credentialsId: 'closeloop-token', variable: 'CLOSELOOP_TOKEN')]) {
          sh '''
            curl --fail --silent --show-error --retry 2 --max-time 60 --output .closeloop_gate.py "@URL@/ci/closeloop_gate.py"
            tail -n 1 .closeloop_gate.py | grep -qx "# closeloop-gate: the whole file is here"
            python3 -I .closeloop_gate.py change --repository "@REPOSITORY@" --junit closeloop.xml
          '''
        }
      }
      post { always { junit testResults: 'closeloop.xml', allowEmptyResults: true } }
    }
    stage('Does the service keep its promises?') {
      when { branch 'main' }
      steps {
        withCredentials([string(credentialsId: 'closeloop-token', variable: 'CLOSELOOP_TOKEN')]) {
          sh '''
            curl --fail --silent --show-error --retry 2 --max-time 60 --output .closeloop_gate.py "@URL@/ci/closeloop_gate.py"
            tail -n 1 .closeloop_gate.py | grep -qx "# closeloop-gate: the whole file is here"
            python3 -I .closeloop_gate.py audit --service "@SERVICE@"
          '''
        }
      }
    }
  }
}
